// Asks as Coral, Twikoo and others do: with a key and a site, and no other setting. Prints what the client makes of it.
const { AkismetClient } = require('akismet-api');

const [key, mode] = process.argv.slice(2);
const client = new AkismetClient({ key, blog: 'https://blog.example' });
const comment = (more) => ({ user_ip: '198.51.100.30', user_agent: 'Mozilla/5.0', referrer: 'https://blog.example', ...more });
const told = (promise) => promise.then((value) => value, (error) => `error: ${error.message}`);

(async () => {
  const out = { verified: await told(client.verifyKey()) };
  if (mode === 'all') {
    out.ham = await told(client.checkSpam(comment({ content: 'A calm word about the night buses', name: 'Ann' })));
    out.spam = await told(client.checkSpam(comment({ content: process.env.SPAM, name: 'Best casino', is_test: false })));
    out.honeypot = await told(client.checkSpam(comment({ content: 'Hello to all of you', name: 'Bo', honeypot: 'robot' })));
    out.submitted = (await client.submitSpam(comment({ content: 'From the JavaScript client', name: 'Cy' }))).text;
    out.taken_back = (await client.submitHam(comment({ content: 'From the JavaScript client', name: 'Cy' }))).text;
  } else {
    out.refused = await told(client.checkSpam(comment({ content: 'Hello', name: 'Ann' })));
  }
  console.log(JSON.stringify(out));
})();
