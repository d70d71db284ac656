import { checkModel } from './suite.ts';

checkModel('bert-mean', { fixtures: ['embed', 'none'] });
checkModel('bert-cls');
// The fixture ends before the last norm.
checkModel('bert-cased', { unnamed: ['norm-1', 'norm_w-1', 'result_embd'], absent: ['norm-1', 'norm_w-1'] });
checkModel('bert-rank', { fixtures: ['rank'] });
