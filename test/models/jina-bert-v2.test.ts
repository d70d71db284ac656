import { checkModel } from './suite.ts';

// The fixture of the first ends before the last norm.
checkModel('jina-bert-v2', { unnamed: ['norm-2', 'norm_w-2', 'result_embd'], absent: ['norm-2', 'norm_w-2'] });
checkModel('jina-bert-v2-code');
checkModel('jina-bert-v2-rank', { fixtures: ['rank'] });
