/** Time as an argument, so that tests need none. */
export interface Clock {
  now(): number;
  sleep(time_ms: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (time_ms) => new Promise((done) => setTimeout(done, time_ms)),
};
