// A real OpenID provider on loopback for the interop suite. Its own sign-in form takes any password; who people are and
// which clients there are it is told.
//
//   node provider.js CERTIFICATE KEY PORT SETTINGS
//
// SETTINGS is a JSON file: {"people": {login: claims}, "clients": [OpenID client metadata]}.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [certificate, key, port, settings] = process.argv.slice(2);
const { people, clients } = JSON.parse(readFileSync(settings));

const jwk = (kid, alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig',
});

const provider = new Provider(`https://127.0.0.1:${port}`, {
  clients,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: false, // as most providers, it says all that it knows in the ID token
  cookies: { keys: [randomBytes(32).toString('hex')] },
  features: { deviceFlow: { enabled: true } },
  findAccount: (_, login) => people[login] && { accountId: login, claims: () => ({ sub: login, ...people[login] }) },
  jwks: {
    keys: [jwk('rsa', 'RS256', 'rsa', { modulusLength: 2048 }), jwk('ec', 'ES256', 'ec', { namedCurve: 'P-256' })],
  },
  pkce: { required: () => false },
  ttl: { IdToken: 36_000 }, // ten hours, as some providers have it
});

const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
createServer(tls, provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
