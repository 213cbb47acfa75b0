import { signal } from '@preact/signals';
import { Chart } from './chart.js';
import { Divider } from './divider.js';
import { Events } from './events.js';
import { Header } from './header.js';
import { Shortcuts } from './shortcuts.js';
import { Story } from './story.js';
import { Timeline } from './timeline.js';
import { Tree } from './tree.js';
import { Exports, Wire } from './wire.js';

const lower = signal<'wire' | 'events'>('wire');

export function App() {
  return (
    <>
      <Header />
      <Tree />
      <main>
        <Chart />
        <section class="panel lower">
          <Divider name="--lower-height" edge="top" label="Height of the messages" />
          <div class="tabs" role="tablist" aria-label="Below the statechart">
            <Tab name="wire" title="Wire" />
            <Tab name="events" title="Events" />
            <span class="space" />
            {lower.value === 'wire' && <Exports />}
          </div>
          <div id="lower" role="tabpanel" aria-labelledby={`tab-${lower.value}`}>
            {lower.value === 'wire' ? <Wire /> : <Events />}
          </div>
        </section>
      </main>
      <Story />
      <Timeline />
      <Shortcuts />
    </>
  );
}

function Tab({ name, title }: { name: 'wire' | 'events'; title: string }) {
  const other = name === 'wire' ? 'events' : 'wire';
  const isChosen = lower.value === name;
  return (
    <button
      type="button"
      id={`tab-${name}`}
      role="tab"
      aria-selected={isChosen}
      aria-controls="lower"
      tabIndex={isChosen ? 0 : -1}
      onClick={() => {
        lower.value = name;
      }}
      onKeyDown={({ key }) => {
        if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
        lower.value = other;
        document.getElementById(`tab-${other}`)?.focus();
      }}
    >
      {title}
    </button>
  );
}
