// Scores a text as the client's own page shows it, and two texts that are refused. Prints what the client makes of them.
const Perspective = require('perspective-api-client');

const [key] = process.argv.slice(2);
const client = new Perspective({ apiKey: key });
const told = (promise) => promise.then((value) => value, (error) => ({ error: error.message, status: (error.response || {}).status }));

(async () => {
  const out = {
    plain: await told(client.analyze(process.env.ABUSE)),
    several: await told(client.analyze('<b>Thank you</b> for the article', { attributes: ['toxicity', 'spam'] })),
    whole: await told(client.analyze({ comment: { text: 'Hello there' }, requestedAttributes: { TOXICITY: { scoreThreshold: 0.99 } }, languages: ['en'] }, { attributes: undefined })),
    unknown: await told(client.analyze('Hello there', { attributes: ['FLIRTATION'] })),
    language: await told(client.analyze({ comment: { text: 'Akkam jirta' }, requestedAttributes: { TOXICITY: {} }, languages: ['om'] }, { attributes: undefined })),
  };
  console.log(JSON.stringify(out));
})();
