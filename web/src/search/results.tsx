/* The matches of one face: how alike they must be (the slider), what that means in strangers, the sure ones as a grid and
 * the less sure ones folded below. Moving the slider asks the server nothing (words.ts). */
import {useMemo, useState} from "preact/hooks";
import type {Answer, Collection, Match, SearchResult} from "../api";
import {usePicture} from "../pictures";
import {go, type Route} from "../route";
import {t} from "../strings";
import {copyText} from "../ui/copy";
import {Icon} from "../ui/icon";
import {Button, Empty, Likeness, Notice, say} from "../ui/parts";
import {csv, frameOf, isFolded, list, nameOf, type Scale, scaleOf, STEPS, stepOf, strangersAt, strangersLine, style, within, words} from "../words";

export function Results({result, answer, collection, route}: {result: SearchResult; answer: Answer; collection: Collection; route: Route}) {
  const scale = useMemo(() => scaleOf(answer), [answer]);
  const [step, setStep] = useState(() => stepOf(scale, scale.usual));
  const shown = within(answer, strangersAt(scale, step));
  const sure = shown.filter((m) => !isFolded(m)), folded = shown.filter(isFolded);
  const beyond = answer.matches.length - shown.length;
  const wider = beyond > 0 && step < STEPS &&
    <Button look={shown.length === 0 ? "plain" : "quiet"} icon="add" onClick={() => setStep(nextStep(answer, scale, step))}>{t.search.wider}</Button>;
  const open = (m: Match) => go({...route, photo: m.image});
  return (
    <>
      <div class="results-head">
        <h2>{t.search.results(shown.length)}</h2>
        <CopyButtons matches={shown} />
      </div>
      <Slider scale={scale} step={step} shown={shown.length} onStep={setStep} />
      {result.mode === "approximate" && <Notice>{t.search.approximate(result.recall)}</Notice>}
      {result.missing && <Notice kind="bad">{t.search.missing}</Notice>}
      {shown.length === 0 && <Empty icon="search" title={t.search.noneTitle} text={beyond > 0 ? t.search.none : t.search.noneAtAll}>{wider}</Empty>}
      <Grid matches={sure} collection={collection} onOpen={open} />
      {folded.length > 0 && (
        <details class="folded" open={sure.length === 0}>
          <summary><Icon name="next" size={18} />{t.search.possibly(folded.length)}</summary>
          <p class="small">{t.search.possiblyWhy}</p>
          <Grid matches={folded} collection={collection} onOpen={open} />
        </details>
      )}
      {shown.length > 0 && wider && <div class="row middle">{wider}</div>}
    </>
  );
}

/** The setting that shows something more, and at least ten times the strangers. */
function nextStep(answer: Answer, scale: Scale, step: number): number {
  const now = strangersAt(scale, step);
  const next = Math.min(...answer.matches.map((m) => m.strangers ?? Infinity).filter((s) => s > now * (1 + 1e-9)));
  return stepOf(scale, Math.max(next, now * 10));
}

function Slider({scale, step, shown, onStep}: {scale: Scale; step: number; shown: number; onStep: (step: number) => void}) {
  const line = strangersLine(strangersAt(scale, step), shown);
  const usual = stepOf(scale, scale.usual);
  return (
    <div class="slider">
      <label for="alike">{t.search.slider}</label>
      <div class="slider-track">
        <input id="alike" type="range" min={0} max={STEPS} step={1} value={step} list="usual" aria-valuetext={line}
          onInput={(e) => onStep(Number(e.currentTarget.value))} />
        <datalist id="usual"><option value={usual} /></datalist>
        <div class="slider-ends" aria-hidden="true"><span>{t.search.sliderLess}</span><span>{t.search.sliderMore}</span></div>
      </div>
      <p class="strangers" data-strangers={strangersAt(scale, step)}>{line}</p>
    </div>
  );
}

function CopyButtons({matches}: {matches: Match[]}) {
  const copy = (text: string) => void copyText(text).then((done) => say(done ? t.search.copied(matches.length) : t.search.copyFailed));
  if (matches.length === 0) return null;
  return (
    <div class="row">
      <Button look="quiet" icon="copy" aria-label={t.search.copyListLong} onClick={() => copy(list(matches))}>{t.search.copyList}</Button>
      <Button look="quiet" icon="copy" aria-label={t.search.copyCsvLong} onClick={() => copy(csv(matches))}>{t.search.copyCsv}</Button>
    </div>
  );
}

function Grid({matches, collection, onOpen}: {matches: Match[]; collection: Collection; onOpen: (m: Match) => void}) {
  if (matches.length === 0) return null;
  return (
    <ol class="grid">
      {matches.map((m) => <li key={m.face_id}><MatchTile match={m} collection={collection} onOpen={() => onOpen(m)} /></li>)}
    </ol>
  );
}

function MatchTile({match, collection, onOpen}: {match: Match; collection: Collection; onOpen: () => void}) {
  const url = usePicture(collection.name, "images", match.image, 400);
  const [bad, setBad] = useState(false);
  const framed = match.width > 0 && match.box.width > 0 ? frameOf(match, match.box) : null;
  const name = nameOf(match);
  return (
    <button type="button" class="match" onClick={onOpen} title={`${name}\n${match.distance.toFixed(3)}`}>
      <span class="tile">
        {url && !bad && <img src={url} alt="" loading="lazy" decoding="async" class={framed ? "framed" : "cover"} style={framed ? style(framed.picture) : {}}
          onError={() => setBad(true)} />}
        {bad && <span class="no-picture"><Icon name="photos" size={28} />{t.photos.noPicture}</span>}
        {framed && !bad && <span class="spot face chosen still" style={style(framed.face)} />}
      </span>
      <span class="match-words">{words(match)}</span>{" "}
      <span class="match-name"><Likeness similarity={match.similarity} /><span>{name}</span></span>
    </button>
  );
}
