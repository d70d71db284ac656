import { checkModel } from './suite.ts';

checkModel('llama');
checkModel('llama-bpe');
