/**
 * @file Stands in for llama-server where its own tests start it: the same arguments, with the models that they download replaced by
 * local files. Environment: MAIN, the built program; MODELS, a JSON object of paths by what `--hf-file` or `--hf-repo` names, with ""
 * for any other and for none.
 */
import { pathToFileURL } from 'node:url';

const { MAIN, MODELS } = process.env;
const models = JSON.parse(MODELS);
const args = process.argv.slice(2);

function take(flag) {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args.splice(at, 2)[1];
}
const names = [take('--hf-file'), take('--hf-repo')];
const model = names.map((name) => models[name]).find((path) => path !== undefined) ?? models[''];
process.argv = [process.argv[0], MAIN, 'serve', '-m', model, '--threads', '1', ...args];
await import(pathToFileURL(MAIN).href);
