// What the AWS SDK for JavaScript finds on this machine, as one JSON document.
//
// `node judge.mjs FOLDER`: FOLDER is where tests/peers/install put the SDK. The secrets stay here.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { fromNodeProviderChain } = require("@aws-sdk/credential-providers");
const { NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS, loadConfig } = require("@smithy/core/config");

const region = loadConfig({ ...NODE_REGION_CONFIG_OPTIONS, default: null }, NODE_REGION_CONFIG_FILE_OPTIONS);
const date = (when) => (when && !Number.isNaN(when.getTime()) ? when.toISOString() : null);

const answer = { region: await region().catch(() => null) };
try {
  const credentials = await fromNodeProviderChain()();
  answer.access_key_id = credentials.accessKeyId;
  answer.has_session_token = Boolean(credentials.sessionToken);
  answer.expires_at = date(credentials.expiration);
} catch (error) {
  answer.error = String(error.message);
  answer.error_name = error.name;
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
