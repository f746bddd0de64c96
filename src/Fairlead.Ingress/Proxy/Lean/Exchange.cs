using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>One request and its answer. Connections hold one only while they are at a request; used again and again.</summary>
internal sealed class Exchange
{
    internal LeanRequest Request { get; } = new();
    internal ResponseHead Answer { get; } = new();
    internal ChunkReader Upload { get; } = new();
    internal ChunkReader Download { get; } = new();

    /// <summary>Timestamp of the request's arrival.</summary>
    internal long Start { get; set; }
    internal Route? Route { get; set; }
    internal Endpoint? Endpoint { get; set; }
    internal TimeSpan UpstreamTook { get; set; }

    /// <summary>As logged; 0 until something was answered.</summary>
    internal int Status { get; set; }

    /// <summary>Of the answer's body.</summary>
    internal long BytesOut { get; set; }

    /// <summary>The client has something of the answer: nothing else can be answered any more.</summary>
    internal bool HasBegun { get; set; }

    /// <summary>The client's connection cannot be used for another request.</summary>
    internal bool MustClose { get; set; }

    internal bool ClientIsGone { get; set; }

    /// <summary>The client has the whole answer.</summary>
    internal bool IsPassed { get; set; }

    /// <summary>Why the request's body cannot be passed on, as a status; 0: it can.</summary>
    internal int UploadFailure { get; set; }

    /// <summary>What of the body is still to come from the client.</summary>
    internal long UploadLeft { get; set; }
    internal bool UploadIsOver { get; set; }

    internal void Clear()
    {
        Request.Head.Clear();
        Answer.Clear();
        (Route, Endpoint, UpstreamTook, Status, BytesOut) = (null, null, default, 0, 0);
        (IsPassed, HasBegun, MustClose, ClientIsGone, UploadFailure, UploadLeft, UploadIsOver) = (false, false, false, false, 0, 0, false);
    }
}
