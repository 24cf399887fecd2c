using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Control.Store;
using Weft.Identity;

namespace Weft.Control.Api;

/// <summary>Join tokens in the resource store, under a collection that no API serves. Taking one is a delete under the condition that it is
/// still there: of many takers the store accepts one, also across a crash.</summary>
public sealed class StoredJoinTokens(ResourceStore store) : IJoinTokenStore
{
    internal static readonly StoreCollection Collection = new("internal.weft.dev", "jointokens");

    public async ValueTask AddAsync(StoredJoinToken token, CancellationToken cancel)
    {
        var json = new JsonObject
        {
            ["secretSha256"] = Convert.ToBase64String(token.SecretSha256.Span),
            ["namespace"] = token.Namespace,
            ["serviceAccount"] = token.ServiceAccount,
            ["expiresAt"] = token.ExpiresAt.ToString("O", CultureInfo.InvariantCulture),
        };
        await store.CommitAsync(new StoreTransaction(StoreWrite.Put(KeyOf(token.Id), System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()))));
    }

    public ValueTask<StoredJoinToken?> FindAsync(string id, CancellationToken cancel) =>
        ValueTask.FromResult(store.Current.Find(KeyOf(id)) is { } entry ? Read(entry) : null);

    public async ValueTask<bool> TryTakeAsync(string id, CancellationToken cancel)
    {
        if (store.Current.Find(KeyOf(id)) is not { } entry) return false;
        return (await store.CommitAsync(new StoreTransaction(StoreWrite.Delete(KeyOf(id), entry.ModRevision)))).Accepted;
    }

    public async ValueTask RemoveExpiredAsync(DateTimeOffset now, CancellationToken cancel)
    {
        var expired = store.Current.List(Collection).Where(e => Read(e).ExpiresAt <= now).Select(e => StoreWrite.Delete(e.Key)).ToArray();
        if (expired.Length > 0) await store.CommitAsync(new StoreTransaction(expired));
    }

    private static StoreKey KeyOf(string id) => new(Collection.Group, Collection.Plural, "", id);

    private static StoredJoinToken Read(StoreEntry entry)
    {
        var json = JsonNode.Parse(entry.Value.Span)!;
        return new StoredJoinToken(entry.Key.Name, Convert.FromBase64String((string)json["secretSha256"]!), (string)json["namespace"]!, (string)json["serviceAccount"]!,
            DateTimeOffset.Parse((string)json["expiresAt"]!, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind));
    }
}
