/* The frame around the pages: which one is shown, the collections, and signing in where the server asks for a key. */
import {useCallback, useEffect, useState} from "preact/hooks";
import {collections as fetchCollections, hasKey, type Collection, Problem, useKey, whenLocked} from "./api";
import {PhotosPage} from "./photos/page";
import {go, type Page, type Route, useRoute, write} from "./route";
import {SearchPage} from "./search/page";
import {SignIn} from "./signin";
import {t} from "./strings";
import {Icon, type IconName, Mark} from "./ui/icon";
import {Button, Busy, Empty, IconButton, Toasts} from "./ui/parts";

type State = {is: "asking"} | {is: "locked"; refused: boolean} | {is: "down"; text: string} | {is: "ready"; collections: Collection[]};

const PAGES: {page: Page; icon: IconName; name: string}[] = [
  {page: "search", icon: "search", name: t.nav.search},
  {page: "photos", icon: "photos", name: t.nav.photos},
];

/** Follows a link inside of the pages without loading anything. */
function follow(e: MouseEvent, to: Partial<Route> & {page: Page}) {
  if (e.metaKey || e.ctrlKey || e.shiftKey || e.button !== 0) return;
  e.preventDefault();
  go(to);
  scrollTo(0, 0);
}

function Nav({route}: {route: Route}) {
  return (
    <nav class="nav" aria-label={t.nav.label}>
      {PAGES.map(({page, icon, name}) => {
        const to = {page, collection: route.collection};
        return (
          <a key={page} href={write(to)} aria-current={route.page === page ? "page" : undefined} onClick={(e) => follow(e, to)}>
            <Icon name={icon} /><span>{name}</span>
          </a>
        );
      })}
    </nav>
  );
}

function CollectionChoice({list, chosen, route}: {list: Collection[]; chosen: Collection; route: Route}) {
  if (list.length < 2) return null;
  return (
    <label class="choice">
      <span class="unseen">{t.collection}</span>
      <select value={chosen.name} onChange={(e) => go({page: route.page, collection: e.currentTarget.value})}>
        {list.map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
      </select>
    </label>
  );
}

function Shown({state, route, reload, signIn}: {state: State; route: Route; reload: () => void; signIn: (key: string, keep: boolean) => void}) {
  if (state.is === "locked") return <SignIn refused={state.refused} onKey={signIn} />;
  if (state.is === "down")
    return <Empty icon="alert" title={t.down.title} text={state.text}><Button look="main" icon="again" onClick={reload}>{t.retry}</Button></Empty>;
  if (state.is === "asking") return <Busy text={t.loading} />;
  const chosen = chosenOf(state.collections, route);
  if (!chosen) return <Empty icon="alert" title={t.down.title} text={t.problem.forbidden} />;
  return route.page === "photos"
    ? <PhotosPage key={chosen.name} collection={chosen} route={route} reload={reload} />
    : <SearchPage key={chosen.name} collection={chosen} route={route} />;
}

const chosenOf = (list: Collection[], route: Route) =>
  list.find((c) => c.name === (route.collection ?? "default")) ?? list[0];

export function App() {
  const route = useRoute();
  const [state, setState] = useState<State>({is: "asking"});

  const reload = useCallback(() => {
    fetchCollections().then(
      (list) => setState({is: "ready", collections: list}),
      (e: unknown) => {
        const p = e instanceof Problem ? e : null;
        if (p?.status === 401) setState({is: "locked", refused: hasKey()});
        else setState({is: "down", text: p && p.status !== 0 ? p.message : t.down.text});
      });
  }, []);

  useEffect(() => {
    whenLocked(() => setState({is: "locked", refused: hasKey()}));
    reload();
  }, [reload]);

  useEffect(() => {
    document.title = `${route.page === "photos" ? t.photos.title : t.search.titleShort} · ${t.name}`;
  }, [route.page]);

  const chosen = state.is === "ready" ? chosenOf(state.collections, route) : undefined;
  return (
    <>
      <a class="skip" href="#content" onClick={(e) => {
        e.preventDefault();
        document.getElementById("content")?.focus();
      }}>{t.skip}</a>
      <header class="top">
        <a class="brand" href="./" onClick={(e) => follow(e, {page: "search", collection: route.collection})}><Mark /><span>{t.name}</span></a>
        {state.is !== "locked" && <Nav route={route} />}
        <div class="top-end">
          {state.is === "ready" && chosen && <CollectionChoice list={state.collections} chosen={chosen} route={route} />}
          {state.is === "ready" && hasKey() && <IconButton icon="out" label={t.signOut} onClick={() => {
            useKey(null, false);
            location.reload();
          }} />}
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Shown state={state} route={route} reload={reload} signIn={(key, keep) => {
          useKey(key, keep);
          setState({is: "asking"});
          reload();
        }} />
      </main>
      <Toasts />
    </>
  );
}
