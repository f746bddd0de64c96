using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Node.Runtime;

/// <summary>What the agent writes down about a container, to know it again after a restart. Exit code and time are conmon's file.</summary>
internal sealed record ContainerRecord
{
    /// <summary>What containerd gives a container whose process could not be started.</summary>
    public const int StartFailureCode = 128;

    public required string Id { get; init; }
    public required string PodUid { get; init; }
    public required string Name { get; init; }
    public bool Init { get; init; }
    public int Attempt { get; init; }
    public required string Image { get; init; }
    public required string ImageId { get; init; }

    /// <summary>The image's name in full; null: as the pod names it.</summary>
    public string? ImageReference { get; init; }

    /// <summary>The folders beneath it, which must not go while it is there.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];
    public string? StopSignal { get; init; }
    public required string LogPath { get; init; }
    public required string MessagePath { get; init; }
    public bool MessageFromLog { get; init; }
    public bool Stdin { get; init; }
    public bool StdinOnce { get; init; }
    public bool Tty { get; init; }

    /// <summary>It has no process namespace of its own: what it has started does not end with it.</summary>
    public bool SharesProcesses { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Why it never ran; such a container counts as ended with code 128.</summary>
    public string? StartFailure { get; init; }

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>Of a container that is about to be made.</summary>
    public static ContainerRecord Of(ContainerConfig config, string id, string logPath, string messagePath, DateTimeOffset now) => new()
    {
        Id = id,
        PodUid = config.Sandbox.PodUid,
        Name = config.Name,
        Init = config.Init,
        Attempt = config.Attempt,
        Image = config.ImageName,
        ImageId = config.Image.Id,
        ImageReference = config.Image.Reference,
        Layers = [.. config.Image.Layers],
        StopSignal = config.Image.StopSignal,
        LogPath = logPath,
        MessagePath = messagePath,
        MessageFromLog = config.MessageFromLog,
        Stdin = config.Stdin,
        StdinOnce = config.StdinOnce,
        Tty = config.Tty,
        SharesProcesses = config.HostPid || config.SharedProcesses || config.JoinedContainer is not null,
        CreatedAt = now,
    };

    /// <summary>Makes the file of the termination message, which any user of the container may write, and the log's folder.</summary>
    public void CreateFiles()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(LogPath)!);
        File.WriteAllBytes(MessagePath, []);
        File.SetUnixFileMode(MessagePath, (UnixFileMode)0b110_110_110);
    }

    public ContainerMount MessageMount(ContainerConfig config) => new(MessagePath, config.TerminationMessagePath, ReadOnly: false);

    public ContainerState Ended(int code, DateTimeOffset at, bool outOfMemory) => State(ContainerPhase.Exited) with
    {
        ExitCode = code,
        FinishedAt = at,
        Reason = StartFailure is not null ? "StartError" : outOfMemory ? "OOMKilled" : code == 0 ? "Completed" : "Error",
        Message = StartFailure ?? LastWords.Read(this, code),
    };

    /// <summary>One that ended while nobody watched, as containerd tells of what a restart of the machine ended.</summary>
    public ContainerState Lost(DateTimeOffset now) => State(ContainerPhase.Exited) with
    {
        ExitCode = 255,
        FinishedAt = now,
        Reason = "Unknown",
    };

    public ContainerState Running() => State(ContainerPhase.Running);

    public ContainerState State(ContainerPhase phase) => new(Id, PodUid, Name, Init, Attempt, Image, ImageId, phase)
    {
        CreatedAt = CreatedAt,
        StartedAt = StartedAt,
        LogPath = LogPath,
        ImageReference = ImageReference,
        StopSignal = StopSignal,
        Stdin = Stdin,
        StdinOnce = StdinOnce,
        Tty = Tty,
    };
}

[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(PodSandbox))]
internal sealed partial class RecordJson : JsonSerializerContext;

/// <summary>Records on disk: whole or not there, whenever the agent dies.</summary>
internal static class RecordFile
{
    public static void Write<T>(string path, T record, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        var draft = path + ".new";
        File.WriteAllBytes(draft, JsonSerializer.SerializeToUtf8Bytes(record, type));
        File.Move(draft, path, overwrite: true);
    }

    /// <summary>Null where there is no readable record.</summary>
    public static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }
}
