// Writes what the AWS SDK for JavaScript makes of `*-before.json` when it renews: `*-after.json`.
//
//   npm install @aws-sdk/credential-providers@3.1169.0 && node make.js
//
// The SDK runs unchanged; its clock stands still, and a server on this machine answers in place of AWS.
const { createServer } = require("node:http");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const home = fs.mkdtempSync(path.join(os.tmpdir(), "renewal-"));
process.env.HOME = home;
Date.now = () => Date.UTC(2026, 10, 23, 12, 0, 0, 7);

const caches = {
  sso: path.join(home, ".aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json"),
  login: path.join(home, ".aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json"),
};
const config = `[profile sso]
sso_session = acme
sso_account_id = 123456789012
sso_role_name = Dev
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = us-east-1
[profile login]
login_session = arn:aws:iam::123456789012:user/me
region = us-east-1
`;
const answers = {
  "/token": { accessToken: "newaccess", tokenType: "Bearer", expiresIn: 28800, refreshToken: "new-refresh-token" },
  "/v1/token": {
    accessToken: { accessKeyId: "ASIAFROMLOGIN", secretAccessKey: "secret-from-login", sessionToken: "session-token-from-login" },
    tokenType: "aws_sigv4", expiresIn: 900, refreshToken: "new-login-refresh-token",
  },
  "/federation/credentials": {
    roleCredentials: { accessKeyId: "ASIA", secretAccessKey: "s", sessionToken: "t", expiration: Date.now() + 3600000 },
  },
};

(async () => {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answers[request.url.split("?")[0]]));
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${server.address().port}`;
  fs.mkdirSync(path.join(home, ".aws"));
  fs.writeFileSync(path.join(home, ".aws/config"), config);
  const { fromSSO, fromLoginCredentials } = require("@aws-sdk/credential-providers");
  const providers = { sso: fromSSO({ profile: "sso" }), login: fromLoginCredentials({ profile: "login" }) };
  for (const [name, cache] of Object.entries(caches)) {
    fs.mkdirSync(path.dirname(cache), { recursive: true });
    fs.copyFileSync(path.join(__dirname, `${name}-before.json`), cache);
    await providers[name]();
    fs.copyFileSync(cache, path.join(__dirname, `${name}-after.json`));
  }
  server.close();
  fs.rmSync(home, { recursive: true });
})();
