using System.Text;
using Weft.Control.Store;

namespace Weft.Control.Tests.Store;

internal static class StoreTestExtensions
{
    public const string Log = "resources.log";
    public const string Mark = "resources.acked";

    public static StoreKey Key(string name) => new("", "services", "default", name);

    public static Task<CommitResult> PutAsync(this ResourceStore store, string name, string value, long? expected = null) =>
        store.CommitAsync(new StoreTransaction(StoreWrite.Put(Key(name), Encoding.UTF8.GetBytes(value), expected)));

    public static Task<CommitResult> DeleteAsync(this ResourceStore store, string name, long? expected = null) =>
        store.CommitAsync(new StoreTransaction(StoreWrite.Delete(Key(name), expected)));

    public static string? Text(this ResourceStore store, string name) =>
        store.Current.Find(Key(name)) is { } entry ? Encoding.UTF8.GetString(entry.Value.Span) : null;

    public static string Text(this StoreEvent e) => $"{e.Revision} {e.Type} {e.Entry.Key.Name}={Encoding.UTF8.GetString(e.Entry.Value.Span)}";
}
