using System.Runtime.CompilerServices;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

public enum WatchEventType { Added, Modified, Deleted, Bookmark }

/// <param name="Object">The object; null for a bookmark.</param>
/// <param name="Revision">Where a later watch may resume.</param>
public sealed record WatchEvent(WatchEventType Type, ResourceObject? Object, long Revision);

/// <summary>Turns the store's events into those of one query. An object that leaves the selector is deleted for this watcher, one that enters is added.</summary>
public static class ObjectWatch
{
    /// <summary>Events after <paramref name="from"/>, for ever; null starts with one Added for each object there is.</summary>
    /// <exception cref="HistoryGoneException">The watcher is too far behind.</exception>
    public static async IAsyncEnumerable<WatchEvent> RunAsync(
        ResourceStore store, ObjectQuery query, long? from, TimeSpan? bookmarks, TimeProvider time, [EnumeratorCancellation] CancellationToken cancel)
    {
        var collection = StoredObjects.CollectionOf(query.Kind);
        if (from is not { } seen)
        {
            var state = store.Current;
            foreach (var item in state.List(query.Kind, query.Namespace).Where(query.Matches)) yield return new WatchEvent(WatchEventType.Added, item, state.Revision);
            seen = state.Revision;
            if (bookmarks is not null) yield return new WatchEvent(WatchEventType.Bookmark, null, seen);
        }
        while (true)
        {
            foreach (var e in store.History.Read(seen))
            {
                seen = e.Revision;
                if (e.Entry.Key.Collection == collection && Translate(e, query) is { } shown) yield return shown;
            }
            var next = store.History.WaitAsync(seen, cancel);
            if (bookmarks is { } interval && !await CompletesWithinAsync(next, interval, time, cancel))
                yield return new WatchEvent(WatchEventType.Bookmark, null, seen);
            else
                await next;
        }
    }

    internal static WatchEvent? Translate(StoreEvent e, ObjectQuery query)
    {
        var before = e.Previous is { } previous && query.Matches(StoredObjects.Typed(previous));
        var now = StoredObjects.TypedAt(e.Entry, e.Revision);
        var after = e.Type != StoreEventType.Deleted && query.Matches(now);
        return (before, after) switch
        {
            (false, true) => new WatchEvent(WatchEventType.Added, now, e.Revision),
            (true, true) => new WatchEvent(WatchEventType.Modified, now, e.Revision),
            (true, false) => new WatchEvent(WatchEventType.Deleted, now, e.Revision),
            (false, false) => null,
        };
    }

    private static async Task<bool> CompletesWithinAsync(Task task, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        if (task.IsCompleted) return true;
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var first = await Task.WhenAny(task, Task.Delay(limit, time, done.Token));
        await done.CancelAsync();
        return first == task || cancel.IsCancellationRequested;
    }
}
