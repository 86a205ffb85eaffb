/** Runs checks one after the other, and says what came of each. */

/** How long something may take to come true. */
const PATIENCE_MS = 30_000;

export class Checks {
  #count = 0;
  #strange = [];
  #pages = [];

  /** Runs a check; what it returns is said beside it. The first that fails ends all. */
  check = async (name, body) => {
    const started = Date.now();
    try {
      const said = await body();
      if (this.#strange.length > 0) throw new Error(this.#strange.join('\n'));
      this.#count += 1;
      console.log(`ok    ${name} (${((Date.now() - started) / 1000).toFixed(1)} s${said ? `; ${said}` : ''})`);
    } catch (error) {
      console.log(`FAIL  ${name}`);
      console.error(error);
      for (const page of this.#pages.filter((page) => !page.isClosed()))
        console.error(`${page.url()} shows:\n${await page.innerText('body').catch(String)}`);
      process.exit(1);
    }
  };

  /** Whatever a page throws, or asks of another origin, or is denied by its policy fails the check in which it happens. */
  watch(page, origin) {
    this.#pages.push(page);
    page.on('pageerror', (error) => this.#strange.push(`the page threw ${error.stack}`));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) this.#strange.push(message.text());
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) this.#strange.push(`the page asked ${url}`);
    });
  }

  done() {
    console.log(`all ${this.#count} checks of the page passed`);
  }
}

/** Waits until `ask` answers something true, and returns it. */
export async function until(what, ask) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

/** What the server answers at `path`; an answer other than 200 is an error. */
export async function readJson(api, path) {
  const response = await fetch(api + path);
  const body = await response.text();
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${body}`);
  return JSON.parse(body);
}
