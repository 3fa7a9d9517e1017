// Runs scenarios for the Node programs of this folder.

import { setTimeout as pause } from 'node:timers/promises';

/** Run all at once, print what each found, or why it failed, as one JSON object, and end the process. */
export async function run(scenarios, deadlineS) {
  const tooLate = pause(deadlineS * 1000, undefined, { ref: false }).then(() => {
    throw new Error('it took too long');
  });
  const results = await Promise.all(
    Object.entries(scenarios).map(async ([name, scenario]) => {
      try {
        return [name, await Promise.race([scenario(), tooLate])];
      } catch (error) {
        return [name, { failed: String(error?.stack ?? error) }];
      }
    }),
  );
  console.log(JSON.stringify(Object.fromEntries(results)));
  process.exit(0);
}
