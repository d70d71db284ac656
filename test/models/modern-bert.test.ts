import { checkModel } from './suite.ts';

const unnamed = ['ffn_out', 'l_out'];

checkModel('modern-bert', { unnamed });
checkModel('modern-bert-silu', { unnamed });
checkModel('modern-bert-rank', { unnamed, fixtures: ['rank'] });
