/** A promise that the test settles. */
export interface Gate<T = void> {
  readonly passed: Promise<T>;
  open(value: T): void;
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {};
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Keeps what happened, and resolves when a given number of it has. */
export class Log<T> {
  readonly items: T[] = [];
  readonly #waiting: { readonly isReached: () => boolean; readonly resolve: () => void }[] = [];

  readonly push = (item: T): void => {
    this.items.push(item);
    for (const { resolve } of take(this.#waiting, ({ isReached }) => isReached())) resolve();
  };

  async reaches(count: number): Promise<T[]> {
    await this.until(() => this.items.length >= count);
    return this.items;
  }

  /** Resolves with the first item that fits, whether it came already or comes later. */
  async first(fits: (item: T) => boolean): Promise<T> {
    await this.until(() => this.items.some(fits));
    return this.items.find(fits) as T;
  }

  until(isReached: () => boolean): Promise<void> {
    if (isReached()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isReached, resolve }));
  }
}

function take<T>(list: T[], fits: (item: T) => boolean): T[] {
  const taken = list.filter(fits);
  for (const item of taken) list.splice(list.indexOf(item), 1);
  return taken;
}

/** The error of a promise that must reject. */
export function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    (value) => {
      throw new Error(`It resolved with ${JSON.stringify(value)}.`);
    },
    (error) => error,
  );
}
