import { checkModel } from './suite.ts';

checkModel('bert-mean', { fixtures: ['embed', 'none'] });
checkModel('bert-cls');
// Two fixtures end before the last norm.
const cut = { unnamed: ['norm-1', 'norm_w-1', 'result_embd'], absent: ['norm-1', 'norm_w-1'] };
checkModel('bert-cased', cut);
checkModel('bert-xlmr');
checkModel('bert-rank', { fixtures: ['rank'] });
checkModel('bert-rank-xlmr', { fixtures: ['rank'] });
checkModel('bert-rank-labels', { fixtures: ['rank'], ...cut });
