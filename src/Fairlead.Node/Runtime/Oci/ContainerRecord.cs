using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>What the agent writes down about a container, to know it again after a restart. Exit code and time are conmon's file.</summary>
internal sealed record ContainerRecord
{
    public required string Id { get; init; }
    public required string PodUid { get; init; }
    public required string Name { get; init; }
    public bool Init { get; init; }
    public int Attempt { get; init; }
    public required string Image { get; init; }
    public required string ImageId { get; init; }
    public required string LogPath { get; init; }
    public required string MessagePath { get; init; }
    public bool MessageFromLog { get; init; }
    public bool Stdin { get; init; }
    public bool Tty { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Why it never ran; such a container counts as ended with code 128.</summary>
    public string? StartFailure { get; init; }

    public ContainerState Running() => State(ContainerPhase.Running);

    public ContainerState State(ContainerPhase phase) => new(Id, PodUid, Name, Init, Attempt, Image, ImageId, phase)
    {
        CreatedAt = CreatedAt,
        StartedAt = StartedAt,
        LogPath = LogPath,
        Stdin = Stdin,
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
