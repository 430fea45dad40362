// Spare capacity counts most; whoever is a specialist for the task gets a bonus. Runs on a thread of rota's.
export function score(_task, agents) {
  return agents.map(({ freeSlots, maxConcurrency, isSpecialist }) => {
    const spare = (100 * freeSlots) / maxConcurrency;
    return isSpecialist ? spare + 30 : spare;
  });
}
