import { checkModel } from './suite.ts';

checkModel('eurobert', { unnamed: ['attn_norm', 'l_out'] });
