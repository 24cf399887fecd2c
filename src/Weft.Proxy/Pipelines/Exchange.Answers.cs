using System.Text;
using Weft.Grpc;
using Weft.Routing.Requests;
using Weft.Routing.Routes;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>Ends that are not the workload's answer: the client went away, or this proxy answers itself.</content>
internal sealed partial class Exchange
{
    // ---- the client's troubles
    /// <summary>The client's connection broke.</summary>
    public void OnDownstreamClosed() => EndWithoutAnswer(Fault.DownstreamClosed);

    /// <summary>The client ended its direction inside the request body.</summary>
    public void OnRequestCut()
    {
        _downstream.Abort();
        EndWithoutAnswer(Fault.DownstreamClosed);
    }

    /// <summary>The request body breaks the protocol: nothing of it may be taken for whole.</summary>
    public void OnRequestMalformed(string detail)
    {
        ReleaseUpstream(responseComplete: false, failed: false);
        if (_phase == Phase.Responding)
        {
            _downstream.Abort();
            EndWithoutAnswer(Fault.BadRequest);
        }
        else Fail(Fault.BadRequest, detail);
    }

    /// <summary>What came in a tunnel is nothing that can be answered: it is recorded all the same.</summary>
    public void RefuseUnanswered(Fault fault)
    {
        Begin();
        EndWithoutAnswer(fault);
    }

    private void EndWithoutAnswer(Fault fault)
    {
        if (_phase == Phase.Idle) return;
        _record.Fault = fault;
        if (_record.Status == 0) _record.Status = fault.Describe().HttpStatus;
        StopWaiting();
        ReleaseUpstream(responseComplete: false, failed: false);
        Finish();
    }

    // ---- answers that this proxy makes
    private void Answer(DirectResponseAction direct)
    {
        if (_downstream.IsExtendedConnect && !_connection.IsMesh && direct.Status is >= 200 and < 300)
        {
            Fail(Fault.BadRequest, "the route answers by itself and switches to no protocol", 501);
            return;
        }
        _record.Status = direct.Status;
        if (_isGrpc) AnswerCall(GrpcStatus.FromHttpStatus(direct.Status).Code, Fault.None, direct.Body.Span);
        else _downstream.WriteLocalReply(new LocalReply(direct.Status, default, default, direct.Body.Span, default));
        Finish();
    }

    private void Answer(RedirectAction redirect, in RequestHead head)
    {
        Span<byte> location = stackalloc byte[4096];
        var length = redirect.WriteLocation(head, location);
        if (length < 0)
        {
            Fail(Fault.BadRequest, "the redirect's location is longer than 4096 bytes", 414);
            return;
        }
        _record.Status = redirect.Status;
        if (_isGrpc) AnswerCall(GrpcStatus.FromHttpStatus(redirect.Status).Code, Fault.None, "a gRPC call cannot follow a redirect"u8);
        else _downstream.WriteLocalReply(new LocalReply(redirect.Status, default, default, default, location[..length]));
        Finish();
    }

    /// <summary>The stream has a request whose path the client is to ask for in its normal form.</summary>
    public void RedirectToNormalPath()
    {
        Begin();
        var head = _downstream.Head;
        // The whole URI: a path that begins with two slashes would name another host.
        var location = _context.Scratch(head.Scheme.Length + 3 + head.Authority.Length + head.Path.Length);
        head.Scheme.CopyTo(location);
        var at = head.Scheme.Length;
        "://"u8.CopyTo(location[at..]);
        head.Authority.CopyTo(location[(at += 3)..]);
        head.Path.CopyTo(location[(at + head.Authority.Length)..]);
        _record.Status = 307;
        _downstream.WriteLocalReply(new LocalReply(307, default, default, default, location));
        Finish();
    }

    private void Fail(Fault fault, string detail, int status = 0)
    {
        if (_phase == Phase.Idle) return;
        var description = fault.Describe();
        _record.Fault = fault;
        _record.Status = status == 0 ? description.HttpStatus : status;
        StopWaiting();
        ReleaseUpstream(responseComplete: false, failed: true);
        var body = Encoding.UTF8.GetBytes($"{description.Code}: {detail}. {description.Sentence}\n");
        if (_isGrpc) AnswerCall(description.GrpcStatus == GrpcStatusCode.Ok ? GrpcStatus.FromHttpStatus(_record.Status).Code : description.GrpcStatus, fault, body);
        else _downstream.WriteLocalReply(new LocalReply(_record.Status, fault.CodeUtf8(), _record.RequestId.Span, body, default));
        Finish();
    }
}
