/** A field whose text becomes an action when a button asks for one, or says beneath itself why it is none. */
import { useState } from 'preact/hooks';
import type { Made } from '../actions/made';
import type { Action } from '../api/types';

export function useTyped(made: (text: string) => Made) {
  const [value, setValue] = useState('');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const { action, why } = made(value);
    setError(why);
    return action;
  };
  return {
    /** What the `Field` takes. */
    field: { value, error, onValue: (text: string) => (setError(null), setValue(text)) },
    /** What the `Act` takes. */
    act: { action, onDone: () => setValue('') },
  };
}
