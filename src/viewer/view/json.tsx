import type { Json } from '../../inspect/record.js';

/** The maximum number of members of a value, and of characters of a text, that are shown. */
const MOST_MEMBERS = 200;
const MOST_TEXT = 200;

/** Shows plain data as a tree of members that the user can unfold. */
export function Tree({ value }: { value: Json }) {
  if (typeof value !== 'object' || value === null) return <Leaf value={value} />;
  const members = Object.entries(value);
  if (members.length === 0) return <span class="json quiet">{Array.isArray(value) ? '[]' : '{}'}</span>;
  return (
    <ul class="json">
      {members.slice(0, MOST_MEMBERS).map(([name, inner]) => (
        <li key={name}>
          {typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 ? (
            <details>
              <summary>
                <span class="name">{name}</span> <span class="quiet">{summary(inner)}</span>
              </summary>
              <Tree value={inner} />
            </details>
          ) : (
            <>
              <span class="name">{name}</span> <Tree value={inner} />
            </>
          )}
        </li>
      ))}
      {members.length > MOST_MEMBERS && <li class="quiet">{members.length - MOST_MEMBERS} more</li>}
    </ul>
  );
}

function Leaf({ value }: { value: Json }) {
  const text = JSON.stringify(value);
  return <span data-type={typeof value}>{text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)} …` : text}</span>;
}

function summary(value: object): string {
  const text = JSON.stringify(value);
  return text.length <= 36 ? text : Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`;
}
