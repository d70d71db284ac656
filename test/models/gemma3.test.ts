import { checkModel } from './suite.ts';

// llama.cpp scales the queries, we the scores.
checkModel('gemma3', { absent: ['kq'], unnamed: ['kq'] });
