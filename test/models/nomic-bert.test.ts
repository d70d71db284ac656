import { checkModel } from './suite.ts';

checkModel('nomic-bert');
