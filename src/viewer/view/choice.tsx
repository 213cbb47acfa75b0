interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly options: readonly T[];
  isOn(option: T): boolean;
  onChoose(option: T): void;
}

/** Shows buttons in one frame. One or several of them are on. */
export function Choice<T extends string>({ label, options, isOn, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset class="choice" aria-label={label}>
      {options.map((option) => (
        <button key={option} type="button" aria-pressed={isOn(option)} onClick={() => onChoose(option)}>
          {option}
        </button>
      ))}
    </fieldset>
  );
}
