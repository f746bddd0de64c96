namespace Fairlead.Kube.Grpc;

/// <summary>How a call ended (gRPC documentation: "Status codes and their use in gRPC").</summary>
public enum GrpcCode
{
    OK = 0,
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    /// <summary>Also: nobody could be reached, or the connection was lost, so that the call may have had its effect.</summary>
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>A call that did not end with OK; the message is the server's own.</summary>
public sealed class GrpcException(GrpcCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public GrpcCode Code => code;
}
