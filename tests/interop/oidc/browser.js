// What a person does in a browser to sign in: headless Chromium opens an address, and every form that comes is filled in
// and sent, until the browser was led to another host than the provider's.
//
//   node browser.js CHROMIUM PROFILE LOGIN ADDRESS
//
// Chromium is told over a pipe (--remote-debugging-pipe): JSON documents, each with a zero after it.
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

const [chromium, profile, login, address] = process.argv.slice(2);
const provider = new URL(address).host;
const browser = spawn(chromium, [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
  '--ignore-certificate-errors', // the provider's certificate is of a CA that only step is told of
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1', // the provider's pages ask for fonts elsewhere
  '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank',
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });

const waiting = new Map();
let rest = '';
let number = 0;
browser.stdio[4].on('data', (data) => {
  const messages = (rest + data).split('\0');
  rest = messages.pop();
  for (const message of messages.map(JSON.parse)) waiting.get(message.id)?.(message);
});

const tell = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
  number += 1;
  waiting.set(number, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result)));
  browser.stdio[3].write(`${JSON.stringify({ id: number, method, params, sessionId })}\0`);
});

// Fills in what the page asks for and presses its button; tells where the browser is.
const act = `(() => {
  if (document.readyState !== 'complete') return '';
  const form = document.querySelector('form');
  if (form && !form.dataset.sent) {
    for (const field of form.querySelectorAll('input:not([type=hidden])')) {
      field.value = field.type === 'password' ? 'any' : ${JSON.stringify(login)};
    }
    form.dataset.sent = 'yes';
    document.querySelector('button[type=submit]').click();
  }
  return location.host;
})()`;

const { targetInfos: [page] } = await tell('Target.getTargets', { filter: [{ type: 'page' }] });
const { sessionId } = await tell('Target.attachToTarget', { targetId: page.targetId, flatten: true });
await tell('Page.navigate', { url: address }, sessionId);
let host = '';
for (let tries = 0; tries < 200 && (host === '' || host === provider); tries += 1) {
  await pause(50);
  // While a page gives way to the next there is nothing to act on.
  const { result } = await tell('Runtime.evaluate', { expression: act }, sessionId).catch(() => ({}));
  host = result?.value ?? '';
}
await tell('Browser.close');
process.exit(host === '' || host === provider ? 1 : 0);
