// A side of a benchmark that only greets.
import { serve } from '../../bench/compare/peers/protocol.mjs';

serve({ hello: ({ name }) => `hello ${name}` });
