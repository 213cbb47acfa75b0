import { open } from '../feed.js';

const ID = 'recording-file';

/** The file field, which opens the browser's own dialog. */
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
        // Without this, choosing the same file again would cause no event.
        currentTarget.value = '';
        if (file !== undefined) void open(file);
      }}
    />
  );
}

export function pickFile(): void {
  document.getElementById(ID)?.click();
}

/** Takes a file that is dropped anywhere on the page. Otherwise the browser would leave the page and show the file. */
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
