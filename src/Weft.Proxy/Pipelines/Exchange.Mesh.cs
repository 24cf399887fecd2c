using System.Text;
using Weft.Proxy.Mesh;
using Weft.Routing.Protocols;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <content>What the caller's proxy said of the request, and what the next one is told.</content>
internal sealed partial class Exchange
{
    /// <summary>The protocol in which the calling application sent the request: this connection's, unless a mesh peer says otherwise.</summary>
    public HttpVersion OriginalVersion { get; private set; }

    /// <summary>The protocol in which the called application is to get it: HTTP/1.1 or HTTP/2.</summary>
    public HttpVersion DeliveredVersion => _cluster!.Cluster.Protocol switch
    {
        UpstreamProtocol.Http1 => HttpVersion.Http11,
        UpstreamProtocol.Http2 => HttpVersion.Http2,
        _ => OriginalVersion == HttpVersion.Http2 ? HttpVersion.Http2 : HttpVersion.Http11,
    };

    /// <summary>Milliseconds that are left of the request's time and of its route's timeout, at least 0; <see cref="MeshDeadline.None"/> without any.</summary>
    public long LeftMs
    {
        get
        {
            var left = TimeLeft is { } time ? (long)Math.Ceiling(time.TotalMilliseconds) : MeshDeadline.None;
            // A route's timeout counts from the end of the request: while that is still coming, it does not run.
            var due = _requestComplete ? After(_requestCompleteMs, RouteTimeoutMs) : long.MaxValue;
            return due == long.MaxValue ? left : Math.Min(left, Math.Max(0, due - _context.Worker.NowMs));
        }
    }

    /// <summary>How much longer than it was told this proxy waits.</summary>
    private long PatienceMicros => _connection.IsMesh ? MeshDeadline.PatienceMs * 1000 : 0;

    /// <summary>Reads the mesh's own fields. Only from a peer that has proved a mesh identity: from anybody else they mean nothing.</summary>
    private void Believe(in RequestHead head)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known != KnownHeader.XWeft) continue;
            var name = head.Name(field);
            var value = head.Value(field);
            if (Ascii.EqualsIgnoreCase(name, MeshFields.Source)) _record.Source = _connection.SourceOf(value);
            else if (Ascii.EqualsIgnoreCase(name, MeshFields.Deadline) && MeshDeadline.TryParse(value, out var leftMs)) EndWithin(TimeSpan.FromMilliseconds(leftMs));
            else if (Ascii.EqualsIgnoreCase(name, MeshFields.Form) && MessageForm.TryParse(value, out var form))
            {
                OriginalVersion = form.Version ?? OriginalVersion;
                _downstream.RestoreNames(form);
            }
        }
    }
}
