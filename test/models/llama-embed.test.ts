import { checkModel } from './suite.ts';

checkModel('llama-embed');
