// A scorer with a fault: rota goes on without it, and says so.
export function score(task) {
  throw new Error(`no model for ${task.workType}`);
}
