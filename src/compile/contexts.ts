/** Contexts with more fields than this are copied without a template. */
const MOST_FIELDS = 64;
/** Contexts of one machine mostly have the same fields, and some more later. */
const MOST_TEMPLATES = 8;

interface Template {
  readonly fields: readonly string[];
  /** An object with these fields in this order. */
  readonly object: object;
}

/**
 * Makes the contexts of one machine, each a copy of the one before with changes. The result is that of XState's
 * `Object.assign({}, context, changes)`.
 *
 * V8 stores a field outside of the object when it is assigned to an empty one, and makes a dictionary if there are more than some
 * fifteen. A copy of an object that has the fields already holds them within. It takes a third to a tenth of the memory, and guards
 * read it faster.
 */
export class Contexts {
  readonly #templates: Template[] = [];

  /** Returns a copy of a context, with changes. */
  with(context: object, changes: object): object {
    // At the start there is an empty context, and all fields are changes.
    return Object.assign(this.#copyFor(isEmpty(context) ? (changes ?? context) : context), context, changes);
  }

  /** Returns an object with the same fields, to assign them to; an empty one if that gains nothing. */
  #copyFor(fields: object): object {
    if (Object.getPrototypeOf(fields) !== Object.prototype) return {};
    for (const template of this.#templates) if (hasFields(fields, template.fields)) return { ...template.object };
    if (this.#templates.length === MOST_TEMPLATES) return {};
    const names = Object.keys(fields);
    // A field that is a number stands before all others, and one of this name is no field once it is assigned.
    const isOdd = names.some((name) => name === '__proto__' || /^\d/.test(name));
    if (isOdd || names.length === 0 || names.length > MOST_FIELDS) return {};
    const template = { fields: names, object: objectWith(names) };
    this.#templates.unshift(template);
    return { ...template.object };
  }
}

/** V8 gives an object that it parses a place for each field. */
function objectWith(names: readonly string[]): object {
  const object = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:0`).join()}}`) as Record<string, unknown>;
  // A field that has held two kinds of values takes any kind. Otherwise V8 would change the shape of each copy.
  for (const name of names) object[name] = object;
  for (const name of names) object[name] = undefined;
  return object;
}

/** True if an object has these fields, in this order, and no others. */
function hasFields(object: object, names: readonly string[]): boolean {
  let at = 0;
  for (const name in object) {
    if (name !== names[at]) return false;
    at += 1;
  }
  return at === names.length;
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}
