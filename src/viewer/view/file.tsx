import { open } from '../feed.js';

const ID = 'recording-file';

/** What the browser's own dialog fills in. */
export function FileField() {
  return (
    <input
      type="file"
      id={ID}
      hidden
      aria-label="Recording"
      accept=".jsonl"
      onChange={({ currentTarget }) => {
        const [file] = currentTarget.files ?? [];
        // The same one again is to count, too.
        currentTarget.value = '';
        if (file !== undefined) void open(file);
      }}
    />
  );
}

export function pickFile(): void {
  document.getElementById(ID)?.click();
}

/** Takes a file that is dropped anywhere; without this the browser would leave the page for it. */
export function takeDrops(): void {
  const { dataset } = document.documentElement;
  addEventListener('dragover', (event) => {
    event.preventDefault();
    dataset['drop'] = 'true';
  });
  addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) delete dataset['drop'];
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    delete dataset['drop'];
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) void open(file);
  });
}
