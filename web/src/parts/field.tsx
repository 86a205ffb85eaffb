/** A labelled input, with what to write and what is wrong with what was written. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | null;
  unit?: string;
  mode?: 'decimal' | 'numeric' | 'text';
  lines?: number;
  choices?: [string, string][];
}

export function Field({ label, value, onValue, hint, error, unit, mode = 'text', lines, choices }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  const shared = {
    id,
    value,
    'aria-invalid': error ? ('true' as const) : undefined,
    'aria-describedby': described || undefined,
    onInput: (event: Event) => onValue((event.currentTarget as HTMLInputElement).value),
  };
  return (
    <div class="field">
      <label for={id}>
        {label}
        {unit && <span class="unit"> in {unit}</span>}
      </label>
      {choices ? (
        <select {...shared}>
          {choices.map(([choice, name]) => (
            <option value={choice}>{name}</option>
          ))}
        </select>
      ) : lines ? (
        <textarea {...shared} rows={lines} spellcheck={false} autocomplete="off" class="hex" />
      ) : (
        <input {...shared} type="text" inputMode={mode} spellcheck={false} autocomplete="off" />
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
