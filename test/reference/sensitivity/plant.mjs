// node --import tsx --import ./plant.mjs: plants the fault that the environment's FAULT describes, as hooks.mjs takes it.
import { register } from 'node:module';

register('./hooks.mjs', import.meta.url, { data: JSON.parse(process.env.FAULT) });
