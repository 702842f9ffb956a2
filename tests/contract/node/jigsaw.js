// Scores a text with the attributes that Jigsaw's own client asks for by itself, and asks for one that nobody answers.
const { Client } = require('@conversationai/perspectiveapi-js-client');

const [key] = process.argv.slice(2);
const client = new Client(key);
const told = (promise) => promise.then((value) => value, (error) => ({ error: error.message }));

(async () => {
  console.log(JSON.stringify({
    abuse: await told(client.getScores(`<p>${process.env.ABUSE}</p>`)),
    several: await told(client.getScores('Thank you', { attributes: ['INSULT', 'THREAT'], doNotStore: false })),
    refused: await told(client.getScores('Thank you', { attributes: ['FLIRTATION'] })),
  }));
})();
