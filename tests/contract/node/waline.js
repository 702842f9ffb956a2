// Checks a comment as Waline does before it publishes one: the key is verified, then the comment checked, with no e-mail
// address and no referrer. Prints what the client makes of the answers.
const Akismet = require('akismet');

const [key] = process.argv.slice(2);
const akismet = Akismet.client({ blog: 'https://blog.example', apiKey: key });
const called = (method, comment) => new Promise((resolve, reject) => akismet[method](comment, (error, value) => (error ? reject(error) : resolve(value))));
const verified = () => new Promise((resolve, reject) => akismet.verifyKey((error, good) => (error ? reject(error) : resolve(good))));
const told = (promise) => promise.then((value) => (value === undefined ? null : value), (error) => `error: ${error.message}`);
const comment = (text) => ({ user_ip: '198.51.100.31', permalink: 'https://blog.example/post/', comment_author: 'Wa', comment_content: text });

async function checked(text) {
  if (!(await verified())) throw new Error('Akismet API_KEY verify failed!');
  return called('checkComment', comment(text));
}

(async () => {
  const out = { fine: await told(checked('A fine line about the ferries')), spam: await told(checked(process.env.SPAM)) };
  out.reported = await told(called('submitSpam', comment('From the client of Waline')));
  out.taken_back = await told(called('submitHam', comment('From the client of Waline')));
  console.log(JSON.stringify(out));
})();
