import { checkModel } from './suite.ts';

const differences = { absent: ['kq_plus_kq_b'], unnamed: ['l_out-2'] };

checkModel('t5encoder', differences);
checkModel('t5encoder-relu', differences);
