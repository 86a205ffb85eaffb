/** The buttons of a list that comes in pages. */
interface PagesProps<Place> {
  /** Where each page that was left began, the last one last. */
  places: Place[];
  next: Place | null;
  onPlaces: (places: Place[]) => void;
}

export function Pages<Place>({ places, next, onPlaces }: PagesProps<Place>) {
  if (places.length === 0 && next === null) return null;
  return (
    <div class="buttons">
      {places.length > 0 && (
        <button type="button" class="quiet" onClick={() => onPlaces(places.slice(0, -1))}>
          Back
        </button>
      )}
      {next !== null && (
        <button type="button" class="quiet" onClick={() => onPlaces([...places, next])}>
          Next
        </button>
      )}
    </div>
  );
}
