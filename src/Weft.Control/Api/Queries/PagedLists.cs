using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

/// <param name="Continue">Token for the next page; empty on the last one.</param>
/// <param name="Remaining">Objects after this page.</param>
public sealed record ListPage(long Revision, IReadOnlyList<ResourceObject> Items, string Continue, int Remaining);

/// <summary>Lists in pages of one consistent state: a state is immutable, so keeping it for the next page costs what changed since.</summary>
public sealed class PagedLists(ResourceStore store, ApiOptions options)
{
    private readonly Lock _lock = new(); // guards _kept
    private readonly LinkedList<StoreState> _kept = new(); // most recently used first

    /// <param name="limit">Objects per page; 0 for all.</param>
    /// <param name="continueToken">Token of the page before; null for the first.</param>
    /// <exception cref="ApiException">BadRequest for a token that is none; Expired for one whose state is no longer kept.</exception>
    public ListPage List(ObjectQuery query, int limit, string? continueToken)
    {
        var (state, after) = string.IsNullOrEmpty(continueToken) ? (store.Current, (StorePosition?)null) : Resume(continueToken);
        var items = state.List(StoredObjects.CollectionOf(query.Kind), query.Namespace, after).Select(StoredObjects.Typed).Where(query.Matches).ToList();
        if (limit <= 0 || items.Count <= limit) return new ListPage(state.Revision, items, "", 0);
        Keep(state);
        var last = items[limit - 1].Metadata;
        var token = $"{state.Revision.ToString(CultureInfo.InvariantCulture)}/{last.Namespace}/{last.Name}";
        return new ListPage(state.Revision, items[..limit], Base64Url.EncodeToString(Encoding.UTF8.GetBytes(token)), items.Count - limit);
    }

    private (StoreState State, StorePosition? After) Resume(string token)
    {
        var parts = Base64Url.IsValid(token) ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token)).Split('/') : [];
        if (parts is not [var text, var ns, var name] || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
            throw new ApiException(ApiStatus.BadRequest("continue: not a token of this server"));
        lock (_lock)
        {
            if (_kept.FirstOrDefault(s => s.Revision == revision) is { } state) return (state, new StorePosition(ns, name));
        }
        throw new ApiException(ApiStatus.Expired(
            $"the list that this token continues is no longer kept ({options.MaxPagedLists} are: MaxPagedLists); start it again without continue"));
    }

    private void Keep(StoreState state)
    {
        lock (_lock)
        {
            foreach (var same in _kept.Where(s => s.Revision == state.Revision).ToList()) _kept.Remove(same);
            _kept.AddFirst(state);
            if (_kept.Count > options.MaxPagedLists) _kept.RemoveLast();
        }
    }
}
