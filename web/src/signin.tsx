/* Signing in to a server that has keys. The key stays in this tab (api.ts). */
import {useState} from "preact/hooks";
import {t} from "./strings";
import {Icon} from "./ui/icon";
import {Button, Notice} from "./ui/parts";

export function SignIn({refused, onKey}: {refused: boolean; onKey: (key: string, keep: boolean) => void}) {
  const [key, setKey] = useState("");
  const [keep, setKeep] = useState(true);
  const [bad, setBad] = useState(false);
  const s = t.signIn;
  return (
    <form class="sign-in card" onSubmit={(e) => {
      e.preventDefault();
      const value = key.trim();
      if (/^lk_[A-Za-z0-9_-]{8,}$/.test(value)) onKey(value, keep);
      else setBad(true);
    }}>
      <span class="empty-icon"><Icon name="lock" size={30} /></span>
      <h1>{s.title}</h1>
      <p>{s.text}</p>
      <pre><code>{s.command}</code></pre>
      {(bad || refused) && <Notice kind="bad">{bad ? s.malformed : s.refused}</Notice>}
      <label class="field">
        <span>{s.label}</span>
        <input type="password" name="key" autocomplete="off" spellcheck={false} value={key} placeholder={s.hint} required autoFocus
          aria-invalid={bad || refused} onInput={(e) => {
            setKey(e.currentTarget.value);
            setBad(false);
          }} />
      </label>
      <label class="tick">
        <input type="checkbox" checked={keep} onChange={(e) => setKeep(e.currentTarget.checked)} />
        <span>{s.keep}</span>
      </label>
      <Button look="main" type="submit">{s.go}</Button>
      <p class="small">{s.why}</p>
    </form>
  );
}
