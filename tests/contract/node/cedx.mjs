// Uses every call of the client, under Akismet's own address. Prints what the client makes of the answers.
import { Author, Blog, CheckResult, Client, Comment } from '@cedx/akismet';

const [key] = process.argv.slice(2);
const client = new Client(key, new Blog({ url: 'https://blog.example', charset: 'UTF-8', languages: ['en'] }));
const told = (promise) => promise.then((value) => (value === undefined ? null : value), (error) => `error: ${error.message}`);
const named = (promise) => told(promise.then((found) => Object.keys(CheckResult).find((name) => CheckResult[name] === found)));
const comment = (content, name, more = {}) => new Comment({
  author: new Author({ name, ipAddress: '198.51.100.32', userAgent: 'Mozilla/5.0' }),
  content, date: new Date(), permalink: 'https://blog.example/post/', type: 'comment', ...more,
});

const out = { verified: await told(client.verifyKey()) };
out.ham = await named(client.checkComment(comment('A calm word about the morning trains', 'Dee')));
out.spam = await named(client.checkComment(comment(process.env.SPAM, 'Best casino')));
out.certain = await named(client.checkComment(comment('Hello', 'viagra-test-123')));
out.tagged = await named(client.checkComment(comment('A word under two tags', 'Eve', { context: ['trains', 'morning'], recheckReason: '' })));
out.submitted = await told(client.submitSpam(comment('From the client of cedx', 'Fay')));
out.taken_back = await told(client.submitHam(comment('From the client of cedx', 'Fay')));
console.log(JSON.stringify(out));
