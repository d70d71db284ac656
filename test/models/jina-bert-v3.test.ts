import { checkModel } from './suite.ts';

checkModel('jina-bert-v3');
