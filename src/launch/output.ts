/** Keeps what a stream begins with, up to a bound, and counts all of it. */
export interface Head {
  readonly bytes: number;
  push(chunk: Buffer): void;
  text(): string;
}

export function createHead(maxBytes: number): Head {
  const kept: Buffer[] = [];
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    push(chunk) {
      const room = maxBytes - bytes;
      if (room > 0) kept.push(chunk.subarray(0, room));
      bytes += chunk.length;
    },
    text: () => Buffer.concat(kept).toString('utf8'),
  };
}

/** Keeps what a stream ends with, up to a bound. */
export interface Tail {
  push(chunk: Buffer): void;
  text(): string;
}

export function createTail(maxBytes: number): Tail {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    push(chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      for (let first = chunks[0]; first && bytes - first.length >= maxBytes; first = chunks[0]) {
        chunks.shift();
        bytes -= first.length;
      }
    },
    text: () => Buffer.concat(chunks).subarray(-maxBytes).toString('utf8'),
  };
}
