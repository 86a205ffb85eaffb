/** What is typed, as an action; or why it is none. */
import type { Action } from '../api/types';

export type Made = { action: Action; why: null } | { action: null; why: string };
