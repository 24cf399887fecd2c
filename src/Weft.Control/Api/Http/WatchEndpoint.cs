using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Api;

/// <summary><c>watch=true</c>: one JSON value per line until the client leaves, the time is over, or the watcher is too slow.
/// Nothing is queued for it: it reads from the store's history at its own speed.</summary>
internal sealed class WatchEndpoint(ResourceStore store, TimeProvider time, ApiOptions options, CancellationToken stopping)
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private int _open;

    public async Task HandleAsync(HttpContext context, ApiPath path)
    {
        if (Interlocked.Increment(ref _open) > options.MaxWatches)
        {
            Interlocked.Decrement(ref _open);
            throw new ApiException(ApiStatus.TooMany($"{options.MaxWatches} watches are open already (MaxWatches)"));
        }
        try
        {
            await RunAsync(context, path);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private async Task RunAsync(HttpContext context, ApiPath path)
    {
        var query = context.Request.Query;
        var selected = ObjectQuery.Parse(path, query["labelSelector"], query["fieldSelector"]);
        // "" and "0" mean: any state will do, start with what there is.
        var from = ObjectService.ParseRevision(query["resourceVersion"]) is { } revision and > 0 ? revision : (long?)null;
        if (from > store.Current.Revision)
            throw new ApiException(ApiStatus.Ahead(from.Value, store.Current.Revision));
        if (from is { } start) _ = store.History.Read(start, limit: 0); // too old is an answer, not an event: 410 while the status can still say so
        TimeSpan? bookmarks = query["allowWatchBookmarks"].ToString() is "true" or "1" ? options.BookmarkInterval : null;
        var table = ObjectTable.Wanted(context.Request);

        using var deadline = new CancellationTokenSource(Duration(query["timeoutSeconds"]), time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, deadline.Token, stopping);
        context.Response.ContentType = Reply.Json;
        await context.Response.StartAsync(ends.Token);
        await context.Response.BodyWriter.FlushAsync(ends.Token);
        try
        {
            await foreach (var e in ObjectWatch.RunAsync(store, selected, from, bookmarks, time, ends.Token))
                await WriteAsync(context, e.Type.ToString().ToUpperInvariant(), writer => WriteObject(writer, path.Kind, e, table), ends.Token);
        }
        catch (HistoryGoneException e)
        {
            await WriteAsync(context, "ERROR", writer => ApiStatus.Expired(e.Message).ToJson().WriteTo(writer), ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // the watch is over: the client left, its time is up, or the server stops
        }
    }

    private TimeSpan Duration(string? seconds) =>
        int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) && TimeSpan.FromSeconds(wanted) < options.MaxWatchDuration
            ? TimeSpan.FromSeconds(wanted)
            : options.MaxWatchDuration;

    private void WriteObject(Utf8JsonWriter writer, ResourceKind kind, WatchEvent e, string? table)
    {
        if (e.Object is null)
        {
            writer.WriteStartObject();
            writer.WriteString("kind", kind.Kind);
            writer.WriteString("apiVersion", kind.ApiVersion);
            writer.WriteStartObject("metadata");
            writer.WriteString("resourceVersion", e.Revision.ToString(CultureInfo.InvariantCulture));
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        else if (table is not null)
        {
            ObjectTable.Write(writer, table, kind, new ListPage(e.Revision, [e.Object], "", 0), time.GetUtcNow());
        }
        else
        {
            e.Object.Json.WriteTo(writer);
        }
    }

    private static async Task WriteAsync(HttpContext context, string type, Action<Utf8JsonWriter> writeObject, CancellationToken cancel)
    {
        var body = context.Response.BodyWriter;
        await using (var writer = new Utf8JsonWriter(body, s_json))
        {
            writer.WriteStartObject();
            writer.WriteString("type", type);
            writer.WritePropertyName("object");
            writeObject(writer);
            writer.WriteEndObject();
        }
        body.Write("\n"u8);
        await body.FlushAsync(cancel);
    }
}
